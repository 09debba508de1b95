function spin() {
  while (true) {}
}
console.log(typeof spin);
