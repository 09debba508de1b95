let i = 0;
while (i < 3) {
  if (true) {
    let i = 0;
    console.log(i);
  }
  i++;
}
