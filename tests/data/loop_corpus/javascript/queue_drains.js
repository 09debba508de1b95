const queue = [1, 2, 3];
while (queue.length) {
  queue.shift();
}
