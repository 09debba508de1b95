i = 0
until i == 5
  puts i
end
