let state = 0;
while (true) {
  switch (state) {
    case 0:
      state = 1;
      break;
    default:
      state = 0;
      break;
  }
}
