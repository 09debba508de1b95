<?php
$list = ["a", "b"];
$i = 0;
while ($i < count($list)) {
    echo $list[$i];
}
