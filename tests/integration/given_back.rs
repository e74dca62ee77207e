//! How a leased build gives its machine back, and what must hold once it has ended, whoever died.

use crate::support::{Test, status};

/// How a leased build ends: its machine is destroyed, and then it is measured.
pub(crate) const GIVING_BACK: &str = "
[[finally]]
id = 'destroy'
cmd = '''
machine={steps.acquire.outputs.machine:-none}
rm -f machines/\"$machine\" machines/\"$machine\".source
echo \"$machine\" >> destroyed
'''
[[finally]]
id = 'metrics'
depends_on = ['destroy']
cmd = 'echo {steps.build.status} {steps.build.duration_s:-none} > metrics'
";

/// Nothing is left in `machines`, and each machine was given back by an instance of its own.
#[track_caller]
pub(crate) fn check_given_back(test: &Test, what: &str) {
    let left = std::fs::read_dir(test.path().join("machines")).unwrap().count();
    // A machine whose attempt was interrupted before it said which it made is known by its key alone.
    let report = test.report();
    let attempts = report["steps"][0]["attempts"].as_array().unwrap();
    let unsaid = attempts.iter().filter(|a| a["outcome"] == "interrupted").count();
    assert!(left <= unsaid, "{what}: {left} machines are left: {report:#}");
    let released = report["finally"].as_array().unwrap();
    let of = |n: usize| format!("destroy[acquire#{n}]");
    for n in 1..=attempts.len() {
        assert_eq!(status(&report, &of(n)), "passed", "{what}: {report:#}");
    }
    assert_eq!(released.len(), attempts.len() + 1, "{what}: once for each attempt: {report:#}");
    assert!(test.read("metrics").starts_with("passed "), "{what}: {}", test.read("metrics"));
    assert_eq!(test.read("image"), "large\n", "{what}");
}
