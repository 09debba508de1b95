let done = false;
setTimeout(() => { done = true; }, 100);
while (!done) {
}
