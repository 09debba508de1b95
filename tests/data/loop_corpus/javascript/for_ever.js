for (;;) {
  console.log("again");
}
