const fs = require("fs");
const buffer = Buffer.alloc(1);
while (true) {
  if (fs.readSync(0, buffer) === 0) break;
}
