i = 1
while i < 10
  puts i
  i -= 1
end
