i = 0
while i < 10
  next if i.even?
  i += 1
end
