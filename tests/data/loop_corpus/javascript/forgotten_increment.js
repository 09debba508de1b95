let i = 0;
while (i < 5) {
  console.log(`row ${i}`);
}
