function* ids() {
  let id = 0;
  while (true) {
    yield id++;
  }
}
const it = ids();
console.log(it.next().value, it.next().value);
