let ticks = 0;
const timer = setTimeout(() => process.exit(0), 30);
(async () => {
  while (true) {
    ticks++;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
})();
