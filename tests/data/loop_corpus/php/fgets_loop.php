<?php
while (true) {
    $line = fgets(STDIN);
    if ($line === false) break;
    echo strtoupper($line);
}
