//! Hard conditions to start a server under, or to bring about while it runs: by what the system has for that.

use super::{Server, Setup, process::told_by};

impl Setup {
    /// A folder of the server is a file system of that size, which nobody else sees; it goes with the process.
    pub fn on_small_file_system(self, folder: &'static str, size: &'static str) -> Self {
        let mount = "mkdir -p $0 && mount -t tmpfs -o size=$1 tmpfs $0 && shift && exec \"$@\"";
        self.through(&["unshare", "--mount", "sh", "-c", mount, folder, size])
    }

    /// The time of day is shifted by what the file `clock` in its folder says, such as `+1h`, from one moment to the
    /// next. Needs libfaketime.
    pub fn with_a_clock_to_set(self) -> Self {
        let preload = "LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) exec \"$0\" \"$@\"";
        let clock = self.folder().join("clock").to_str().unwrap().to_owned();
        std::fs::write(&clock, "+0").unwrap();
        self.through(&["sh", "-c", preload])
            .environment("FAKETIME_TIMESTAMP_FILE", clock)
            .environment("FAKETIME_NO_CACHE", "1")
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// The server and its workers together have that much memory, such as `256M`.
    pub fn within_memory(self, limit: &'static str) -> Self {
        self.through(&[
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/within_memory.sh"),
            limit,
        ])
    }

    /// Without the end that a file beyond its size limit brings to a process: writing fails, as on a full disk.
    pub fn surviving_full_files(self) -> Self {
        self.through(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
    }
}

impl Server {
    /// No file that the process writes may grow beyond so many bytes; `None` takes the limit away.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let process = self.process_id().to_string();
        told_by("prlimit", &["--pid", &process, &format!("--fsize={limit}:unlimited")]).await;
    }

    /// Gives such a file system another size.
    pub async fn resize_file_system(&self, folder: &str, size: &str) {
        let (process, folder) = (self.process_id().to_string(), self.folder().join(folder));
        let (folder, size) = (folder.to_str().unwrap(), format!("remount,size={size}"));
        told_by("nsenter", &["-t", &process, "-m", "mount", "-o", &size, folder]).await;
    }
}
