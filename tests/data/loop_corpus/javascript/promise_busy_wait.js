let ready = false;
Promise.resolve().then(() => { ready = true; });
while (!ready) {
  console.log("waiting");
}
