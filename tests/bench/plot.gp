# SPDX-License-Identifier: GPL-2.0-or-later
# Plots of what figures.py wrote: gnuplot -e "dir='DIR'" plot.gp
set terminal svg size 640,400 dynamic font "sans,12" background "white"
set style data yerrorlines
set grid ytics
set key outside right
set yrange [0:*]
set bars 0.5

set output dir."/queues.svg"
set title "4 KiB random reads, depth 32, two processors"
set xlabel "request queues"
set ylabel "throughput (one queue, one worker = 1)"
set xtics (1, 2, 4)
set xrange [0.5:4.5]
modes = system("sed -n 's/^# //p' ".dir."/queues.dat | tr '\n' ' '")
plot for [i=1:words(modes)] dir."/queues.dat" index i-1 using 1:2:3:4 \
    title word(modes, i) lw 2 pt 7 ps 0.5

set xlabel "depth (requests in flight of each queue)"
set logscale x 2
set xtics (1, 8, 32, 128)
set xrange [0.8:160]
set output dir."/depth.svg"
set title "Two queues: throughput"
set ylabel "throughput (one worker = 1)"
plot for [i=1:words(modes)] dir."/depth.dat" index i-1 using 1:2:3:4 \
    title word(modes, i) lw 2 pt 7 ps 0.5

set output dir."/latency.svg"
set title "Two queues: latency that 99 % of requests do not exceed"
set ylabel "latency (one worker = 1)"
plot for [i=1:words(modes)] dir."/latency.dat" index i-1 using 1:2:3:4 \
    title word(modes, i) lw 2 pt 7 ps 0.5
