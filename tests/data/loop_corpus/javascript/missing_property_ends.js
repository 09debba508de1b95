let node = { value: 1, next: { value: 2, next: null } };
while (true) {
  console.log(node.value);
  node = node.next;
}
