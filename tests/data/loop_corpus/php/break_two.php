<?php
$n = 0;
while (true) {
    while (true) {
        $n++;
        if ($n > 5) {
            break 2;
        }
    }
}
echo $n;
