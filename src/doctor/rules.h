// The rules by area. Each looks at the evidence and appends what it finds; diagnose() puts them in order.
#pragma once

#include "doctor/diagnose.h"

namespace isotach::doctor {

void check_memory(const Evidence& evidence, Diagnosis& diagnosis);
void check_swap(const Evidence& evidence, Diagnosis& diagnosis);
void check_ksm(const Evidence& evidence, Diagnosis& diagnosis);
void check_cpu(const Evidence& evidence, Diagnosis& diagnosis);
void check_disks(const Evidence& evidence, Diagnosis& diagnosis);
void check_interfaces(const Evidence& evidence, Diagnosis& diagnosis);
void check_protocols(const Evidence& evidence, Diagnosis& diagnosis);

}  // namespace isotach::doctor
