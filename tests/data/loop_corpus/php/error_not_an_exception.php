<?php
$n = 2;
while (true) {
    try {
        echo 10 % $n;
        $n--;
    } catch (Exception $e) {
        echo "caught";
    }
}
