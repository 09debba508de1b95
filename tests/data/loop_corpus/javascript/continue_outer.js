let rounds = 0;

outer: while (true) {
  for (let i = 0; i < 3; i++) {
    rounds++;
    if (i === 1) continue outer;
  }
}
