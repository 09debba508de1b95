list = [1, 2]
i = 0
while true
  puts list[i] + 1
  i += 1
end
