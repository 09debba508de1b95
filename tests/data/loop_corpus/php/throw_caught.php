<?php
$n = 0;
do {
    try {
        $n++;
        throw new Exception("again");
    } catch (Exception $e) {
        echo $n, PHP_EOL;
    }
} while (true);
