(function () {
  let n = 0;
  while (!0) {
    n += 1;
  }
})();
