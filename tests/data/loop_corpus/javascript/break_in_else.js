let x = 0;
while (true) {
  if (x < 3) {
    x++;
  } else {
    break;
  }
}
