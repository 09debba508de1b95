<?php
$left = 3;
function take() {
    global $left;
    $left--;
}
while ($left > 0) {
    take();
}
