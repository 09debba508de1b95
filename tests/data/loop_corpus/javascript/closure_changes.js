let n = 0;
const bump = () => { n += 1; };
while (n < 4) {
  bump();
}
