const queue = [1];
for (let i = 0; i < queue.length; i++) {
  queue.push(i);
}
