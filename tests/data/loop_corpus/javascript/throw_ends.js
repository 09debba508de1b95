let left = 3;
while (true) {
  if (left-- === 0) throw new Error("out");
}
