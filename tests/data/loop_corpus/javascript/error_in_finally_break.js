while (true) {
  try {
    console.log("once");
  } finally {
    break;
  }
}
