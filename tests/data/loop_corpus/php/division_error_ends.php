<?php
$n = 2;
while (true) {
    echo intdiv(10, $n), "\n";
    $n--;
}
