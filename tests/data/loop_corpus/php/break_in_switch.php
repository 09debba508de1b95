<?php
$s = 1;
while (1) {
    switch ($s) {
        case 1:
            echo "one\n";
            break;
        default:
            break;
    }
}
