<?php
$i = 0;
while ($i < 10) {
    echo "i is $i\n";
}
