let n = 0;
do {
  try {
    n++;
    throw new Error("again");
  } catch (error) {
    console.log(n);
  }
} while (true);
