let found = 0;
search: while (true) {
  for (let i = 0; ; i++) {
    if (i * i > 50) {
      found = i;
      break search;
    }
  }
}
console.log(found);
