let n = 0;
while (true) {
  if (++n > 1000) process.exit(0);
}
