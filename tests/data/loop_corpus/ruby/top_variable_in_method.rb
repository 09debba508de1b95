n = 0
def spin
  while true
    n += 1
  end
end
spin
