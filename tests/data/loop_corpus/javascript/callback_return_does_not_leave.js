const items = [1, 2, 3];
while (true) {
  items.forEach((item) => { return; });
}
