i = 0
until i >= 6
  2.times { i += 1 }
end
