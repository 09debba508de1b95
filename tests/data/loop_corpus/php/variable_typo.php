<?php
$count = 0;
while ($count < 3) {
    $cuont = $count + 1;
    echo "counting\n";
}
