<?php
$n = 0;
while (true) {
    echo $n, "\n";
    $n++;
}
