let x = 1;
while (x = 5) {
  x++;
}
