n = 0
catch(:done) do
  loop do
    n += 1
    throw :done if n > 3
  end
end
puts n
