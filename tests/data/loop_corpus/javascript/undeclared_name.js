"use strict";
while (true) {
  total += 1;
}
