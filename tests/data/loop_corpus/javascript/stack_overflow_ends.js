function deeper(n) {
  return deeper(n + 1);
}
while (true) {
  deeper(0);
}
