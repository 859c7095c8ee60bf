package main

import (
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// cpuSeconds is what the process's threads have run, by the scheduler's own account.
func cpuSeconds(pid string) float64 {
	total := 0.0
	tasks, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
	if err != nil || len(tasks) == 0 {
		log.Fatal("no such process: ", pid)
	}
	for _, task := range tasks {
		if text, err := os.ReadFile(task); err == nil {
			ns, _ := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
			total += ns / 1e9
		}
	}
	return total
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+)`)

// residentKB is the process's memory.
func residentKB(pid string) float64 {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		log.Fatal(err)
	}
	kb, _ := strconv.ParseFloat(string(resident.FindSubmatch(text)[1]), 64)
	return kb
}
