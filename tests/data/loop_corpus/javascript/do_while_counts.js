let i = 0;
do {
  i += 2;
} while (i < 11);
