<?php
$i = 0;
$r = &$i;
while ($i < 3) {
    $r++;
}
echo $i;
