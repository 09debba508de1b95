def find
  i = 0
  while true
    i += 1
    return i if i * i > 50
  end
end
puts find
