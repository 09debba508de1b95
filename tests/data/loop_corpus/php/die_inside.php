<?php
$n = 0;
while (true) {
    $n++;
    if ($n == 4) die;
}
