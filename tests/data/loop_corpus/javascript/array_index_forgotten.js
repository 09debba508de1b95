const fruit = ["apple", "pear"];
let k = 0;
while (k < fruit.length) {
  console.log(fruit[k]);
}
